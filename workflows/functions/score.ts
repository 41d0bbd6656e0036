interface Lead {
  email: string;
  seats: number;
}

/** Scores a lead from 0 to 100: more seats, more points; free mail providers give none. */
export default function score({ input, log }: { input: Lead; log: (line: string) => void }): { score: number } {
  const domain = input.email.split("@").at(-1) ?? "";
  const company = /^(gmail|outlook|yahoo)\./.test(domain) ? 0 : 20;
  log(`scoring ${domain}`);
  return { score: Math.min(100, company + input.seats * 5) };
}
