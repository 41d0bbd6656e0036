/** What a capture is called, from what it says of itself. No I/O. */
import type { Capture } from "../engine/captures.ts";

/** Headers by which senders name the event. */
const EVENT_HEADERS = [
  "x-github-event",
  "x-gitlab-event",
  "x-gitea-event",
  "x-shopify-topic",
  "x-event-key",
  "x-event-type",
  "x-event-name",
  "x-event",
  "x-webhook-event",
  "x-webhook-topic",
  "x-wc-webhook-topic",
  "x-hook-event",
  "ce-type",
];

/** The event that a capture's headers name. */
function eventOf({ headers }: Capture): string | undefined {
  for (const wanted of EVENT_HEADERS) {
    const found = headers.find(([name, value]) => name.toLowerCase() === wanted && value.trim() !== "");
    if (found) return found[1].trim();
  }
  return undefined;
}

/** A few words for the list: the event, or the query, or the content type. */
export function titleOf(capture: Capture): string {
  const event = eventOf(capture);
  if (event !== undefined) return event;
  const query = capture.url.indexOf("?");
  if (query !== -1 && query < capture.url.length - 1) return capture.url.slice(query);
  const type = capture.headers.find(([name]) => name.toLowerCase() === "content-type")?.[1];
  return type?.split(";")[0]?.trim() ?? "";
}

/** A name for test data: from the event, or from the time. */
export function suggestName(capture: Capture): string {
  const event = (eventOf(capture) ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 48)
    .replace(/^body$|-$/g, "");
  if (event !== "") return event;
  return `request-${capture.receivedAt.slice(0, 19).replace(/\D+/g, "-")}`;
}
