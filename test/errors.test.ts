import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ERRORS, type ErrorCode, WfError } from "../src/errors.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const rows = new Map(
  [...readme.matchAll(/^\| `([A-Z_]+)`\s*\| (\d+)\s*\| (\d)\s*\|/gm)].map(([, code, status, exit]) => [
    code ?? "",
    { status: Number(status), exit: Number(exit) },
  ]),
);

it("documents every error code with its status and exit code, and no code that does not exist", () => {
  expect([...rows.keys()].toSorted()).toEqual(Object.keys(ERRORS).toSorted());
  for (const [code, row] of rows) expect(ERRORS[code as ErrorCode], code).toMatchObject(row);
});

it("carries the code's own hint unless the thrower knows better", () => {
  expect(new WfError("STORE_LOCKED", "in use").hint).toBe(ERRORS.STORE_LOCKED.hint);
  expect(new WfError("STORE_LOCKED", "in use", { hint: "end process 7" }).hint).toBe("end process 7");
});
