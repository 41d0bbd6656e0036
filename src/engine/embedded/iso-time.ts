let lastTime = Number.NaN;
let lastIsoTime = "";

/** Executions come many in a millisecond, and writing a time costs more than reading it. */
export function isoTime(time: number): string {
  if (time !== lastTime) {
    lastTime = time;
    lastIsoTime = new Date(time).toISOString();
  }
  return lastIsoTime;
}
