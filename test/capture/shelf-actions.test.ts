import { afterEach, describe, expect, it } from "vitest";
import { capture } from "./fake-shelf-source.ts";
import { closeScreens, type Screen, screenOf } from "./shelf-fixture.ts";

afterEach(closeScreens);

describe("what keys do outside", () => {
  const shelf = async (body = '{"a":1}'): Promise<Screen> => {
    const screen = screenOf(100, 30);
    screen.source.add(
      capture(0, {
        headers: [
          ["Content-Type", "application/json"],
          ["X-GitHub-Event", "push"],
        ],
      }),
      body,
    );
    return screen.start();
  };

  it("saves under the name that is asked for", async () => {
    const screen = (await shelf()).press("s");
    expect(screen.text).toContain("Name  push");
    screen.press(...Array.from("a b"), "enter");
    await screen.until("The name has other characters");
    screen.press("ctrl-u", ...Array.from("ada"), "enter");
    await screen.until("✓ Saved as ada: workflows/lead-created.testdata/ada.yaml");
    screen.source.failure = new Error("There is such test data.");
    screen.press("s", "enter");
    await screen.until("There is such test data.");
  });

  it("replays, and says what was answered or what went wrong", async () => {
    const screen = (await shelf()).press("r");
    await screen.until("✓ Sent: answered 202.");
    screen.source.failure = new Error("No server.");
    screen.press("r");
    await screen.until("✗ No server.");
  });

  it("sends what was edited, and nothing when nothing was", async () => {
    const screen = (await shelf()).press("e");
    await screen.until("Nothing was changed");
    screen.source.edited = (before) =>
      Buffer.from(before.toString().replace('{"a":1}', '{"a":2}').replace("POST", "PUT"));
    screen.press("e");
    await screen.until("✗ Sent: answered 400.");
    expect(screen.source.sent).toMatchObject([{ method: "PUT", url: "/test/lead-created" }]);
    expect(screen.source.sent[0]?.body.toString()).toBe('{"a":2}');
    expect(screen.suspended).toBe(2);
    screen.source.edited = () => Buffer.from("what\n");
    screen.press("e");
    await screen.until("The first line is");
  });

  it("copies as curl what fits a command line", async () => {
    const screen = (await shelf()).press("c");
    await screen.until("--data-raw '{\"a\":1}'");
    expect(screen.copied[0]).toContain("curl 'http://127.0.0.1:4000/test/lead-created'");
    const long = (await shelf("x".repeat(100_000))).press("c");
    await long.until("too long for a command line");
  });

  it("writes rules after it has shown them", async () => {
    const screen = (await shelf()).press("v");
    await screen.until("Write them into the workflow's file? y / n");
    expect(screen.source.asked).not.toContain("write rules");
    screen.press("y");
    await screen.until("✓ 1 rule written");
    screen.source.failure = new Error("The file has mistakes.");
    screen.press("v");
    await screen.until("✗ The file has mistakes.");
  });

  it("exports HAR 1.2", async () => {
    const screen = (await shelf()).press("x");
    await screen.until("✓ Wrote 1 capture to lead-created-");
    const [har = ""] = screen.source.files.values();
    const { log } = JSON.parse(har) as { log: { version: string; entries: { request: unknown }[] } };
    expect(log.version).toBe("1.2");
    expect(log.entries[0]?.request).toMatchObject({ method: "POST", postData: { text: '{"a":1}' }, bodySize: 7 });
  });

  it("filters by bodies", async () => {
    const screen = await shelf('{"email":"ada@example.com"}');
    screen.source.arrive(capture(1), '{"email":"eve@example.com"}');
    await screen.until("2 captures");
    screen.press("/", ...Array.from("body.email:ada"));
    await screen.until("1 of 2");
    screen.press(...Array.from("x"));
    await screen.until("No capture matches.");
  });

  it("tells of a lost server", async () => {
    const screen = await shelf();
    screen.source.link(false);
    await screen.until("○ server lost");
    screen.source.link(true);
    await screen.until("● following");
    expect(screen.press("q").quits).toBe(1);
  });

  it("tells when captures cannot be listed", async () => {
    const screen = screenOf(80, 24);
    screen.source.list = () => Promise.reject(new Error("No captures today."));
    screen.session.start();
    await screen.until("✗ No captures today.");
  });

  it("takes in 10,000 captures page by page", async () => {
    const screen = screenOf(80, 24);
    for (let number = 0; number < 10_000; number++) screen.source.add(capture(number));
    await screen.start();
    await screen.until("10,000 captures");
    screen.press("g", "pagedown", "G");
    expect(screen.lines).toHaveLength(24);
  });
});
