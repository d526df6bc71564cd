// What a user sees while a run is under way: a bar that redraws itself on a terminal, about ten plain lines anywhere else.
// It counts time and characters; it does not train and decides nothing.
import { SingleBar } from "cli-progress";

/** One run's display: `update` after every step, `stop` at the end, also after an interruption; stopping again does nothing. */
export interface Progress {
  /** `step` counts from 1; `loss` in nats a character. */
  update(step: number, loss: number): void;
  stop(): void;
}

/** What a display needs to know. */
export interface ProgressOptions {
  /** Where to write; a bar if it is a terminal. */
  readonly stream: NodeJS.WriteStream | NodeJS.WritableStream;
  readonly label: string;
  /** Steps of the run. */
  readonly total: number;
  /** Characters trained on in one step, counted once however many passes the method makes. */
  readonly tokensPerStep: number;
  /** Milliseconds from any origin; a test gives its own. */
  readonly now?: () => number;
}

/** Starts the clock and the display of one run. */
export function startProgress(options: ProgressOptions): Progress {
  const clock = startClock(options);
  return "isTTY" in options.stream && options.stream.isTTY ? bar(options, clock) : lines(options, clock);
}

/** Speed and time to the end, as text. */
type Clock = (step: number) => { readonly speed: string; readonly eta: string };

/** Speed is measured from the end of the first step, which compiles; until the second it includes it. A run that goes on begins with a later step than 1. */
function startClock({ total, tokensPerStep, now = () => performance.now() }: ProgressOptions): Clock {
  const begin = now();
  let first: { readonly step: number; readonly time: number } | undefined;
  return step => {
    const time = now();
    first ??= { step, time };
    const msPerStep = step > first.step ? (time - first.time) / (step - first.step) : time - begin;
    return {
      speed: `${formatCount(msPerStep > 0 ? (1000 * tokensPerStep) / msPerStep : 0)} tokens/s`,
      eta: formatTime((total - step) * msPerStep),
    };
  };
}

function lines({ stream, label, total }: ProgressOptions, clock: Clock): Progress {
  const every = Math.max(1, Math.round(total / 10));
  return {
    update(step, loss) {
      const { speed, eta } = clock(step);
      if (step % every === 0 || step === total)
        stream.write(`${label}: step ${step}/${total}, loss ${loss.toFixed(4)}, ${speed}, ETA ${eta}\n`);
    },
    stop() {
      /* a line is complete as soon as it is written */
    },
  };
}

function bar({ stream, label, total }: ProgressOptions, clock: Clock): Progress {
  const display = new SingleBar({
    stream,
    format: `${label} [{bar}] {value}/{total}  loss {loss}  {speed}  ETA {left}`,
    hideCursor: true,
    barsize: 24,
    barCompleteChar: "=",
    barIncompleteChar: " ",
    fps: 10,
    gracefulExit: false, // Ctrl-C belongs to the program, which still reports
  });
  display.start(total, 0, { loss: "-", speed: "compiling", left: "-" });
  return {
    update(step, loss) {
      const { speed, eta } = clock(step);
      display.update(step, { loss: loss.toFixed(4), speed, left: eta });
    },
    stop() {
      display.stop();
    },
  };
}

/** Milliseconds as `8s`, `2m05s` or `1h02m`. */
export function formatTime(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
  return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
}

/** A count in at most three or four digits: `950`, `12.3k`, `1.20M`. */
export function formatCount(n: number): string {
  if (n < 999.5) return n.toFixed(0);
  if (n < 999_950) return `${(n / 1e3).toFixed(1)}k`;
  return `${(n / 1e6).toFixed(2)}M`;
}
