import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { note, print } from "./terminal.ts";

export interface SchemaOptions {
  readonly out?: string;
}

/** `wf schema`: the JSON Schema of workflow files, for editors. @returns The exit code. */
export async function writeSchema(options: SchemaOptions): Promise<number> {
  const text = await workflowSchemaText();
  if (options.out === undefined) {
    print(text);
    return 0;
  }
  const file = resolve(options.out);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  note(`Wrote ${options.out}. Name it in the first line of a workflow: # yaml-language-server: $schema=<path>\n`);
  return 0;
}

export async function workflowSchemaText(): Promise<string> {
  const { workflowSchema } = await import("../workflow/schema.ts");
  return `${JSON.stringify(workflowSchema, null, 2)}\n`;
}
