/** The program's log. It goes to stderr, because stdout carries data. */
import { createRequire } from "node:module";

type LogLevel = "debug" | "info" | "warn" | "error";

/** What a line is about, by name; an `err` that is an Error is shown with its stack. */
interface LogFields {
  readonly [name: string]: unknown;
}

export interface Log {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

/** Where lines go; `process.stderr`, or whatever a test collects them in. */
interface LogStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export interface LogOptions {
  /** JSON lines. @defaultValue true unless the stream is a terminal */
  readonly json?: boolean;
  /** Less urgent lines are dropped. @defaultValue info */
  readonly level?: LogLevel;
  /** @defaultValue process.stderr */
  readonly stream?: LogStream;
  /** Replaces secrets in every line; usually `Secrets.scrub`. */
  readonly scrub?: (text: string) => string;
}

const URGENCY: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Opens a log: one line an event, JSON for machines and short text for people.
 *
 * @remarks
 * Values come from requests, so control characters in them are escaped: a line stays one line, and no terminal obeys it.
 */
export function createLog(options: LogOptions = {}): Log {
  const target = options.stream ?? process.stderr;
  const { scrub } = options;
  const stream: LogStream = scrub === undefined ? target : { write: (text) => target.write(scrub(text)) };
  const level = options.level ?? "info";
  const json = options.json ?? target.isTTY !== true;
  return json ? jsonLog(stream, level) : textLog(stream, level);
}

function jsonLog(stream: LogStream, level: LogLevel): Log {
  let opened: Log | undefined;
  // Most commands end without a single line, and loading pino costs them more than everything else here.
  const open = (): Log => (opened ??= openPino(stream, level));
  return {
    debug: (fields, message) => open().debug(fields, message),
    info: (fields, message) => open().info(fields, message),
    warn: (fields, message) => open().warn(fields, message),
    error: (fields, message) => open().error(fields, message),
  };
}

function openPino(stream: LogStream, level: LogLevel): Log {
  const { pino } = createRequire(import.meta.url)("pino") as typeof import("pino");
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ["authorization", "cookie", "headers.authorization", "headers.cookie", "token", "secret"] },
    },
    {
      // JSON escapes the C0 controls only; the rest reaches terminals too.
      write: (line: string): void => void stream.write(`${escapeControls(line.trimEnd())}\n`),
    },
  );
  return {
    debug: (fields, message) => logger.debug(fields, message),
    info: (fields, message) => logger.info(fields, message),
    warn: (fields, message) => logger.warn(fields, message),
    error: (fields, message) => logger.error(fields, message),
  };
}

function textLog(stream: LogStream, level: LogLevel): Log {
  const write = (at: LogLevel, fields: LogFields, message: string): void => {
    if (URGENCY[at] < URGENCY[level]) return;
    const mark = at === "info" ? "" : `${at}: `;
    stream.write(`${new Date().toTimeString().slice(0, 8)} ${mark}${escapeControls(message)}${textOfFields(fields)}\n`);
  };
  return {
    debug: (fields, message) => write("debug", fields, message),
    info: (fields, message) => write("info", fields, message),
    warn: (fields, message) => write("warn", fields, message),
    error: (fields, message) => write("error", fields, message),
  };
}

function textOfFields(fields: LogFields): string {
  let text = "";
  let stack = "";
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    if (value instanceof Error) {
      text += ` ${name}=${escapeControls(JSON.stringify(value.message))}`;
      stack += (value.stack ?? "")
        .split("\n")
        .slice(1)
        .map((line) => `\n  ${escapeControls(line.trim())}`)
        .join("");
    } else {
      text += ` ${escapeControls(name)}=${escapeControls(textOfValue(value))}`;
    }
  }
  return text + stack;
}

function textOfValue(value: unknown): string {
  if (typeof value === "string") return /^[\w.:/@+-]+$/.test(value) ? value : JSON.stringify(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    // A cycle or a bigint: what it is matters less than that the line appears.
    return String(value);
  }
}

/**
 * Writes control characters, line separators and the marks that reverse text as `\uXXXX`.
 *
 * @see https://www.unicode.org/reports/tr9/ for the directional marks
 */
function escapeControls(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex
    /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
