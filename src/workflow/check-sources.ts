/** Checks a set of workflows that is kept apart from its files. No I/O. */
import { isDeepStrictEqual } from "node:util";
import { checkCalls, type Caller } from "./check-calls.ts";
import type { Definition, DefinitionSource } from "./definition.ts";
import { WORKFLOW_ID } from "./parse/kinds.ts";
import { type AuthMention, defineWorkflow, readWorkflow, type WorkflowFile } from "./parse.ts";
import type { Problem } from "./problem.ts";

export interface SourceSet {
  /** Those without errors, by id. */
  readonly definitions: ReadonlyMap<string, Definition>;
  readonly problems: readonly Problem[];
  /** How each workflow authenticates its callers, by file. */
  readonly auth: ReadonlyMap<string, AuthMention>;
}

interface KnownSource {
  readonly source: DefinitionSource;
  readonly parsed: WorkflowFile;
  readonly definition: Definition | undefined;
}

/** Checks sets one after the other; a workflow is parsed only when its text has changed. */
export class SourceReader {
  #known = new Map<string, KnownSource>();

  /** Reads every source, and holds them against each other. Never throws for content. */
  check(sources: readonly DefinitionSource[]): SourceSet {
    const definitions = new Map<string, Definition>();
    const auth = new Map<string, AuthMention>();
    const callers = new Map<string, Caller>();
    const problems: Problem[] = [];
    const known = new Map<string, KnownSource>();
    for (const source of sources) {
      const { workflowId: id, file, modules } = source;
      const misplaced = misplacedIn(source) ?? (callers.has(id) ? `\`${id}\` is given twice` : undefined);
      if (misplaced !== undefined) {
        problems.push(problemAtTop(file, misplaced));
        continue;
      }
      const one = this.#read(source);
      const { parsed, definition } = one;
      known.set(id, one);
      callers.set(id, { file, calls: parsed.calls });
      if (parsed.auth) auth.set(file, parsed.auth);
      problems.push(...parsed.problems);
      for (const { name, place } of parsed.functions) {
        if (Object.hasOwn(modules, name)) continue;
        problems.push({ severity: "error", check: "missing-module", file, place, message: `${name} is not included` });
      }
      if (definition) definitions.set(id, definition);
    }
    this.#known = known;
    problems.push(...checkCalls(callers));
    return { definitions, problems, auth };
  }

  /** Keeps the definition itself where nothing has changed, so that what others hang on it stays. */
  #read(source: DefinitionSource): KnownSource {
    const { workflowId, file, yaml } = source;
    const before = this.#known.get(workflowId);
    if (before === undefined || before.source.file !== file || before.source.yaml !== yaml) {
      const parsed = readWorkflow(workflowId, file, yaml);
      return { source, parsed, definition: defineWorkflow(parsed, source) };
    }
    if (isDeepStrictEqual(before.source.modules, source.modules)) return before;
    return { source, parsed: before.parsed, definition: defineWorkflow(before.parsed, source) };
  }
}

/** @returns What is wrong with a source's names, which become paths on another machine */
function misplacedIn({ workflowId, file, modules }: DefinitionSource): string | undefined {
  if (!WORKFLOW_ID.test(workflowId)) return `\`${workflowId.slice(0, 80)}\` cannot be a workflow's id`;
  if (file !== `workflows/${workflowId}.yaml` && file !== `workflows/${workflowId}.yml`) {
    return `\`${file.slice(0, 80)}\` is not the file of workflow \`${workflowId}\``;
  }
  const outside = Object.keys(modules).find((path) => !isInside(path));
  return outside === undefined ? undefined : `the module \`${outside.slice(0, 80)}\` lies outside of the project`;
}

function isInside(path: string): boolean {
  return !/^[a-z]:|\\|\0/i.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

function problemAtTop(file: string, message: string): Problem {
  return {
    severity: "error",
    check: "misplaced-workflow",
    file: file.slice(0, 200),
    place: { line: 1, column: 1, length: 1 },
    message,
  };
}
