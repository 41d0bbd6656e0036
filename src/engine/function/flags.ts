import { setFlagsFromString } from "node:v8";

/** A flag that V8 does not know is complained about on stderr; so far it knows this one. */
const LAST_NODE = 26;

/**
 * Makes every loop of a function one that can be ended.
 *
 * @remarks
 * Where V8 looks for loops to unroll, it also drops the checks for interrupts from some that run on and on
 * (`for (;;) all.push(new Array(1000).fill(1.5))`). Neither a limit nor `terminate()` ends such a thread: it takes memory
 * until the machine has none, and the process cannot exit. V8's flags are one set for all threads of the process.
 */
export function keepLoopsInterruptible(): void {
  if (Number.parseInt(process.versions.node, 10) <= LAST_NODE) setFlagsFromString("--no-turboshaft-loop-unrolling");
}
