/** Tells a list of choices from texts that merely repeat. No I/O. */

/** Requests, and texts, that it takes to call what was seen all that there is. */
export const MIN_EVIDENCE = 10;
const MAX_CHOICES = 6;
const MIN_REPEATS = 3;

/**
 * The few words that came again and again, sorted.
 *
 * @param distinct - How often each text came.
 * @returns undefined without evidence; a single one where there was no other.
 */
export function choicesOf(distinct: ReadonlyMap<string, number> | undefined): readonly string[] | undefined {
  if (distinct === undefined || distinct.size > MAX_CHOICES) return undefined;
  let count = 0;
  for (const [text, times] of distinct) {
    if (times < MIN_REPEATS || !/^[a-z\d][\w.:/+-]{0,39}$/i.test(text)) return undefined;
    count += times;
  }
  return count >= MIN_EVIDENCE ? [...distinct.keys()].toSorted() : undefined;
}
