import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { paintLine } from "../../src/capture/shelf-paint.ts";
import { columnsOf } from "../../src/capture/visible-text.ts";
import type { Capture } from "../../src/engine/captures.ts";
import { capture } from "./fake-shelf-source.ts";
import { closeScreens, screenOf } from "./shelf-fixture.ts";

afterEach(closeScreens);

const HOSTILE = "\u001b]52;c;aGk=\u0007\u001b[2J\u202e\u0000日本語👋e\u0301שלום\u200b";

function hostileCapture(number: number): Capture {
  return capture(number, {
    method: HOSTILE,
    url: `/test/lead-created?${HOSTILE}`,
    headers: [
      [HOSTILE, HOSTILE],
      ["X-GitHub-Event", HOSTILE],
    ],
    savedAs: HOSTILE,
    verdict: {
      kind: "refused",
      code: HOSTILE,
      message: HOSTILE,
      errors: [{ in: "body", path: HOSTILE, rule: HOSTILE, message: HOSTILE }],
    },
    answer: { status: 400, headers: [[HOSTILE, HOSTILE]], text: HOSTILE, bodySize: 99, durationMs: 1 },
    executionId: "e-1",
  });
}

describe("the screen", () => {
  it("tells what to do while nothing has arrived", async () => {
    const { text } = await screenOf(80, 24).start();
    expect(text).toContain("Waiting for the first request");
    expect(text).toContain("curl http://127.0.0.1:4000/test/lead-created --json");
    expect(text).toContain("● following");
  });

  it("shows list and detail one after the other, or side by side where there is room", async () => {
    const narrow = screenOf(80, 24);
    narrow.source.add(capture(0), '{"email":"ada@example.com"}');
    await narrow.start();
    expect(narrow.text).toContain("✓ kept");
    expect(narrow.text).not.toContain("ada@");
    expect(await narrow.press("enter").until("ada@")).not.toContain("✓ kept");

    const wide = screenOf(200, 50);
    wide.source.add(capture(0), '{"email":"ada@example.com"}');
    await wide.start();
    expect(await wide.until("ada@")).toContain("✓ kept");
  });

  it("lists verdicts, signatures, replays and names", async () => {
    const screen = screenOf(100, 24);
    const { source } = screen;
    const broken = { in: "body", path: "a", rule: "required", message: "is missing" } as const;
    const answer = { status: 400, headers: [], bodySize: 0, durationMs: 3.21 };
    source.add(capture(0, { signature: "valid", savedAs: "ada", replayOf: "x" }));
    source.add(
      capture(1, { verdict: { kind: "refused", code: "REQUEST_INVALID", message: "", errors: [broken] }, answer }),
    );
    source.add(
      capture(2, {
        verdict: { kind: "refused", code: "BODY_MALFORMED", message: "", errors: [] },
        signature: "invalid",
      }),
    );
    source.add(capture(3, { verdict: null, answer: null, url: "/test/lead-created?a=1" }), "x".repeat(1500));
    source.add(capture(4, { answer: { ...answer, status: 500, durationMs: 12_345 } }), "x".repeat(2_500_000));
    await screen.start();
    const [one, two, three, four, five] = screen.lines.slice(3);
    expect(one).toMatch(/POST +202 +12ms +0 B +✓ kept +✓ valid +★ +↻ ada application\/json/);
    expect(two).toMatch(/400 +3\.2ms .*✗ 1 rule +–/);
    expect(three).toMatch(/✗ refused +✗ wrong/);
    expect(four).toMatch(/… +1\.5 kB +running +– +\?a=1/);
    expect(five).toMatch(/500 +12\.3s +2\.5 MB/);
  });

  it("has exactly the terminal's rows, and none wider than its columns, at any size and place", async () => {
    const screen = screenOf(80, 24);
    for (let number = 0; number < 40; number++) screen.source.add(hostileCapture(number), HOSTILE.repeat(50));
    screen.source.rules = `${HOSTILE}: ${HOSTILE}\n`.repeat(40);
    screen.source.shownExecution = { lines: [HOSTILE.repeat(9), "✓ a", "✗ b"], url: HOSTILE, ended: true };
    await screen.start();
    const keys = [
      ...Array.from("jkgG123456?/svcdorx"),
      "enter",
      "escape",
      "tab",
      "shift-tab",
      "down",
      "pageup",
      "right",
      "é",
      "backspace",
    ];
    const sizes = fc.record({ columns: fc.integer({ min: 1, max: 250 }), rows: fc.integer({ min: 1, max: 80 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...keys), { maxLength: 6 }), sizes, async (pressed, size) => {
        screen.session.dispatch({ kind: "resize", size });
        for (const key of pressed) {
          screen.press(key);
          await Promise.resolve();
          expect(screen.lines).toHaveLength(size.rows);
          for (const line of screen.lines) {
            expect(columnsOf(line)).toBeLessThanOrEqual(size.columns);
            expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
          }
        }
      }),
      { numRuns: 12 },
    );
  });

  it("paints with colours that NO_COLOR takes away", () => {
    const line = {
      spans: [
        { text: "a", tone: "good" as const },
        { text: "b", tone: "plain" as const },
        { text: "c", tone: "title" as const, selected: true },
      ],
    };
    expect(paintLine(line, true)).toBe("\u001b[32ma\u001b[0mb\u001b[1;7mc\u001b[0m");
    expect(paintLine(line, false)).toBe("ab\u001b[1;7mc\u001b[0m");
  });
});
