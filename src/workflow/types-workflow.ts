/** TypeScript types of workflows: requests, outputs of steps, replies, and what functions get. No I/O. */
import { posix } from "node:path";
import type { Definition, HttpStep, Step } from "./definition.ts";
import { SeenPlace, type SeenSample } from "./seen.ts";
import { StepTexts, type TypeScope, typeOfTemplate } from "./types-template.ts";
import { typeOfFields, typeOfSchema, typeOfShape } from "./types-data.ts";
import { NO_SHAPE, type Shape } from "./shape.ts";
import * as t from "./types-text.ts";

const HEAD = `// Written by \`wf types\` from the workflow files. Run it again when they change; edits here are lost.

/** A file on its way through a workflow. */
export interface WfFile {
  readonly name: string;
  readonly mimeType: string;
  /** In bytes. */
  readonly size: number;
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
}

/** What the default export of a function's module is called with. */
export interface FunctionArgument<Input> {
  readonly input: Input;
  readonly execution: {
    readonly id: string;
    readonly workflowId: string;
    readonly startedAt: string;
    readonly userId?: string;
  };
  /** Aborts at the step's timeout and when the execution is cancelled. */
  readonly signal: AbortSignal;
  readonly log: (...values: readonly unknown[]) => void;
}

/** The \`error\` of a step with \`on_error: continue\`. */
export interface StepError {
  readonly code: string;
  readonly message: string;
  readonly statusCode?: number;
}

/** What a function's default export returns. */
export type FunctionOutput<F> = F extends (...values: never[]) => infer R ? Awaited<R> : unknown;

/** The type under a name of an output. */
export type FieldOf<T, Name extends string> = T extends { readonly [name in Name]?: infer V } ? V : unknown;
`;

export interface TypesOptions {
  /** Folder of the written file relative to the project's root, with \`/\`: imports of function modules start there. */
  readonly folder: string;
}

/** @returns A module of types alone; the same for the same workflows, whatever their order. */
export function typesOf(
  workflows: readonly { readonly definition: Definition; readonly seen: readonly SeenSample[] }[],
  options: TypesOptions,
): string {
  const sorted = workflows.toSorted((a, b) => (a.definition.id < b.definition.id ? -1 : 1));
  const names = t.pascalNames(sorted.map(({ definition }) => definition.id));
  const parts = sorted.map(({ definition, seen }) =>
    new WorkflowTypes(definition, seen, options).text(free(names.get(definition.id) ?? definition.id)),
  );
  return [HEAD, ...parts].join("\n");
}

/** Names that the text itself uses stay theirs: a namespace of the same name would hide them. */
const TAKEN: ReadonlySet<string> = new Set([
  "WfFile",
  "FunctionArgument",
  "StepError",
  "FunctionOutput",
  "FieldOf",
  "Promise",
  "Uint8Array",
  "AbortSignal",
  "Awaited",
]);

function free(name: string): string {
  return TAKEN.has(name) ? `${name}_` : name;
}

class WorkflowTypes {
  readonly #definition: Definition;
  readonly #seen: readonly SeenSample[];
  readonly #options: TypesOptions;
  readonly #texts: StepTexts;
  readonly #outputs = new Map<string, t.Type>();
  readonly #inputs = new Map<string, t.Type>();
  readonly #replies: t.Type[] = [];

  constructor(definition: Definition, seen: readonly SeenSample[], options: TypesOptions) {
    this.#definition = definition;
    this.#seen = seen;
    this.#options = options;
    this.#texts = new StepTexts(definition.source.file, definition.source.yaml);
  }

  text(name: string): string {
    const { id, steps, onError } = this.#definition;
    const body = this.#body();
    const query = typeOfFields(
      this.#definition.request.rules.query,
      this.#shape(({ query: shape }) => shape),
    );
    const others: t.Type = { kind: "text", text: "string | number | boolean | readonly string[] | undefined" };
    const headers = typeOfFields(this.#definition.request.rules.headers, NO_SHAPE, others);
    const trigger = t.objectOf({
      method: t.STRING,
      url: t.STRING,
      query,
      headers,
      body,
      file: t.union([t.FILE, t.NULL]),
      userId: t.union([t.STRING, t.NULL]),
    });
    const execution = t.objectOf({ id: t.STRING, workflowId: t.STRING, startedAt: t.STRING });
    const scope = { trigger, execution };
    this.#walk(steps, scope);
    this.#walk(onError, scope);
    const functions = t.pascalNames([...this.#inputs.keys()]);
    const lines = [
      `/** ${t.commentText(this.#definition.name ?? id)} (${t.commentText(this.#definition.source.file)}) */`,
      `export declare namespace ${name} {`,
      `  export type Query = ${t.typeText(query, "  ")};`,
      `  /** By lower-case name. */`,
      `  export type Headers = ${t.typeText(headers, "  ")};`,
      `  export type Body = ${t.typeText(body, "  ")};`,
      `  /** \`trigger\` in expressions. */`,
      `  export interface Trigger {`,
      `    readonly method: string;`,
      `    readonly url: string;`,
      `    readonly query: Query;`,
      `    readonly headers: Headers;`,
      `    readonly body: Body;`,
      `    readonly file: WfFile | null;`,
      `    readonly userId: string | null;`,
      `  }`,
      `  /** \`steps\` in expressions. */`,
      `  export type Steps = ${t.typeText(t.record([...this.#outputs].map(([key, type]) => [key, { type, optional: false }])), "  ")};`,
      `  /** What the caller gets, errors aside. */`,
      `  export type Reply = ${t.typeText(this.#reply(), "  ")};`,
    ];
    if (functions.size > 0) {
      lines.push(`  /** What the functions are called with. */`, `  export namespace Functions {`);
      for (const [step, type] of functions) {
        const input = t.typeText(this.#inputs.get(step) ?? t.UNKNOWN, "    ");
        lines.push(`    export type ${free(type)} = FunctionArgument<${input}>;`);
      }
      lines.push("  }");
    }
    return `${[...lines, "}"].join("\n")}\n`;
  }

  #shape(part: (sample: SeenSample) => Shape): Shape {
    return new SeenPlace(this.#seen.map((sample) => ({ name: sample.name, shape: part(sample) }))).shape;
  }

  #body(): t.Type {
    const { body: fields, bodySchema } = this.#definition.request.rules;
    const shape = this.#shape(({ body }) => body);
    const isAlways = this.#seen.length > 0 && this.#seen.every(({ body }) => body.count > 0);
    if (!fields) return bodySchema === undefined ? typeOfShape(shape) : typeOfSchema(bodySchema);
    const type = typeOfFields(fields, shape);
    // Rules take a request without a body for one without fields.
    return isAlways || Object.values(fields).some(({ required }) => required) ? type : t.union([type, t.NULL]);
  }

  #reply(): t.Type {
    if (this.#replies.length > 0) return t.union(this.#replies);
    const status: t.Type = { kind: "literal", value: "EXECUTING" };
    const body = t.objectOf({ executionId: t.STRING, workflowId: t.STRING, status });
    return t.objectOf({ status: { kind: "literal", value: 202 }, body });
  }

  /** @returns Outputs of the named steps. */
  #walk(steps: readonly Step[], outer: TypeScope): t.Type {
    const own: [string, t.Field][] = [];
    for (const step of steps) {
      const scope = { ...outer, steps: t.objectOf(Object.fromEntries(this.#outputs)) };
      const output = this.#modified(step, this.#output(step, scope));
      if (!step.named) continue;
      this.#outputs.set(step.id, output);
      own.push([step.id, { type: output, optional: false }]);
    }
    return t.record(own);
  }

  #modified(step: Step, output: t.Type): t.Type {
    const failed = t.objectOf({ error: { kind: "text", text: "StepError" } });
    return t.union([output, ...(step.if ? [t.NULL] : []), ...(step.onError === "continue" ? [failed] : [])]);
  }

  #output(step: Step, scope: TypeScope): t.Type {
    switch (step.kind) {
      case "http":
        return t.objectOf({
          statusCode: t.NUMBER,
          headers: t.record([], { kind: "text", text: "string | readonly string[] | undefined" }),
          body: this.#answer(step),
        });
      case "function": {
        const given = this.#texts.at(step, "with");
        const input =
          step.with === undefined ? t.UNKNOWN : given === undefined ? t.UNKNOWN : typeOfTemplate(given, scope);
        this.#inputs.set(step.id, input);
        return this.#functionOutput(step.module);
      }
      case "switch":
        for (const { steps } of step.cases) this.#walk(steps, scope);
        return t.union([t.objectOf({ case: t.NUMBER }), t.NULL]);
      case "foreach": {
        const list = typeOfTemplate(this.#texts.at(step, "foreach") ?? null, scope);
        const item = list.kind === "list" ? list.items : t.UNKNOWN;
        const turn = this.#walk(step.steps, { ...scope, [step.as]: item, [`${step.as}_index`]: t.NUMBER });
        const failed = t.objectOf({ error: { kind: "text", text: "StepError" } });
        const mayFail = step.onError === "continue" ? [failed] : [];
        return { kind: "list", items: t.union([turn, ...mayFail]) };
      }
      case "parallel":
        return t.record(
          step.branches.map(({ name, steps }) => [name, { type: this.#walk(steps, scope), optional: false }]),
        );
      case "workflow":
        return t.objectOf(
          step.wait ? { executionId: t.STRING, statusCode: t.NUMBER, body: t.UNKNOWN } : { executionId: t.STRING },
        );
      case "response":
        this.#addReply(step, scope);
        return t.NULL;
      case "delay":
      case "fail":
        return t.NULL;
      default:
        return step satisfies never;
    }
  }

  #answer({ id, http }: HttpStep): t.Type {
    if (http.paginate) return { kind: "list", items: t.UNKNOWN };
    if (http.response === "text") return t.STRING;
    if (http.response === "file") return t.FILE;
    return typeOfShape(this.#shape(({ answers }) => answers.get(id) ?? NO_SHAPE));
  }

  #functionOutput(module: string): t.Type {
    // The types of a JavaScript module are not the project's: strict compilers refuse to import it without any.
    if (!/\.m?ts$/.test(module)) return t.UNKNOWN;
    const path = posix.relative(this.#options.folder, module);
    const specifier = t.quote(path.startsWith(".") ? path : `./${path}`);
    return { kind: "text", text: `FunctionOutput<typeof import(${specifier}).default>` };
  }

  #addReply(step: Extract<Step, { kind: "response" }>, scope: TypeScope): void {
    const given = this.#texts.at(step, "response", "status");
    const status: t.Type =
      given === undefined ? { kind: "literal", value: 200 } : typeof given === "number" ? t.literalOf(given) : t.NUMBER;
    const { kind } = step.body;
    const json = kind === "json" ? this.#texts.at(step, "response", "json") : undefined;
    const body =
      kind === "empty"
        ? t.NULL
        : kind === "text"
          ? t.STRING
          : kind === "file"
            ? ({ kind: "text", text: "Uint8Array" } as const)
            : json === undefined
              ? t.UNKNOWN
              : typeOfTemplate(json, scope);
    this.#replies.push(t.objectOf({ status, body }));
  }
}
