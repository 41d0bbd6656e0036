import { afterEach, describe, expect, it } from "vitest";
import type { Capture } from "../../src/engine/captures.ts";
import { capture } from "./fake-shelf-source.ts";
import { closeScreens, type Screen, screenOf } from "./shelf-fixture.ts";

afterEach(closeScreens);

describe("the detail", () => {
  const open = async (tab: string, one: Partial<Capture>, body: Buffer | string = ""): Promise<Screen> => {
    const screen = screenOf(80, 24);
    screen.source.add(capture(0), '{"email":"eve@example.com","n":1}');
    screen.source.add(capture(1, one), body);
    return (await screen.start()).press(tab);
  };

  it("shows headers in their order and case, and the query", async () => {
    const headers = [
      ["X-B", "1"],
      ["x-b", "2"],
    ] as const;
    const screen = await open("2", { headers, url: "/test/lead-created?source=web", signature: "valid" });
    expect(await screen.until("X-B: 1")).toMatch(
      /Query\n {2}source: web\n\nHeaders, as they came\n {2}X-B: 1\n {2}x-b: 2\n/,
    );
    expect(screen.text).toContain("signature: valid");
  });

  it("shows the answer, and the rules that were broken", async () => {
    const errors = [{ in: "body", path: "email", rule: "required", message: "is missing" }] as const;
    const screen = await open("3", {
      verdict: { kind: "refused", code: "REQUEST_INVALID", message: "The request breaks a rule.", errors },
      answer: { status: 400, headers: [["x-id", "7"]], text: '{"code":"X"}', bodySize: 20, durationMs: 1 },
    });
    const text = await screen.until("Status 400");
    expect(text).toContain("✗ body.email  is missing  required");
    expect(text).toContain("x-id: 7");
    expect(text).toContain('  "code": "X"');
    expect(text).toContain("8 B more, not kept");
    const running = await open("3", { answer: null, verdict: null });
    await running.until("still runs");
  });

  it("shows an execution's steps, and looks again until it has ended", async () => {
    const screen = await open("4", { executionId: "e-1" });
    await screen.until("✓ SUCCEEDED");
    expect(screen.source.asked).toContain("execution e-1");
    const none = await open("4", {});
    await none.until("no execution");
  });

  it("shows what differs from the capture before", async () => {
    const screen = await open(
      "5",
      {
        headers: [
          ["Content-Type", "application/json"],
          ["X-Id", "7"],
        ],
      },
      '{"email":"ada@example.com","n":1,"tags":[1]}',
    );
    const text = await screen.until('+ "ada@example.com"');
    expect(text).toContain('- "eve@example.com"');
    expect(text).toContain("header x-id\n  + 7");
    expect(text).toContain("body.tags\n  + [1]");
    expect(text).not.toContain("body.n");
  });

  it("shows the rules that a capture keeps, and what goes wrong", async () => {
    const screen = await open("6", {});
    await screen.until("email: { type: email, required: true }");
    screen.source.failure = new Error("No rules today.");
    screen.press("K", "6");
    await screen.until("✗ No rules today.");
  });

  it("says so when the store has dropped the capture", async () => {
    const screen = await open("2", {}, "x");
    screen.source.bodies.clear();
    screen.press("1");
    await screen.until("has dropped this capture");
    screen.press("c");
    await screen.until("✗ The store has dropped this capture.");
  });

  it("breaks a body of 5 MB into lines in slices, and scrolls to its end", async () => {
    const body = JSON.stringify(Array.from({ length: 100_000 }, (_, at) => ({ id: at, name: "x".repeat(30) })));
    expect(body.length).toBeGreaterThan(5_000_000);
    const screen = await open("1", {}, body);
    const first = await screen.until('"id": 0,');
    expect(first).toContain("+");
    await screen.until("/400,002");
    screen.press("G");
    await screen.until('"id": 99999,');
  });
});
