/**
 * Asks a person yes or no, on stderr.
 *
 * @param otherwise - What an empty answer means.
 */
export async function askYesNo(question: string, otherwise: boolean): Promise<boolean> {
  const { createInterface } = await import("node:readline/promises");
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = (await reader.question(`${question} ${otherwise ? "[Y/n]" : "[y/N]"} `)).trim();
    return answer === "" ? otherwise : /^y(es)?$/i.test(answer);
  } finally {
    reader.close();
  }
}

/** True when there is a person to ask. */
export function canAsk(): boolean {
  return process.stdin.isTTY && process.stderr.isTTY;
}
