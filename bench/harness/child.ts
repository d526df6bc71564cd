// A column in a process of its own, so that a crash, a leak or a hung library costs one cell. One request is under way at a time.
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import type { Reply, Request } from "../peers/serve.ts";
import { Lost, type Contender } from "./contender.ts";

/** How to start a column. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

interface Running {
  readonly process: ChildProcessWithoutNullStreams;
  readonly replies: AsyncIterator<Reply>;
  readonly complaints: string[];
}

/** A column that runs `command`. `timeout` is in milliseconds, for one request, starting included. */
export function childContender(id: string, command: Command, timeout: number): Contender & { close(): void } {
  let running: Running | undefined;
  let title: string | undefined;

  const stop = (): void => {
    running?.process.kill("SIGKILL");
    running = undefined;
  };
  const next = async (at: Running): Promise<Reply> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Lost(`no answer in ${timeout / 1000} s`)), timeout);
    });
    try {
      const { value, done } = await Promise.race([at.replies.next(), late]);
      if (done === true) throw new Lost(reasonOf(at.complaints, await exit(at.process)));
      return value;
    } catch (error) {
      stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    id,
    get title() {
      return title;
    },
    async ask(request: Request): Promise<Reply> {
      if (!running) {
        running = start(command);
        const hello = await next(running);
        if (hello.kind === "hello") title = hello.title;
      }
      running.process.stdin.write(`${JSON.stringify(request)}\n`);
      return next(running);
    },
    restart: stop,
    close: stop,
  };
}

function start({ file, args, env }: Command): Running {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
  const complaints: string[] = [];
  child.on("error", error => {
    complaints.push(error.message);
  });
  child.stdin.on("error", () => undefined); // a closed pipe shows as the end of the replies
  createInterface({ input: child.stderr }).on("line", line => {
    if (line.trim() !== "") complaints.push(line.trim());
    if (complaints.length > 200) complaints.shift();
  });
  return { process: child, replies: replies(child), complaints };
}

async function* replies(child: ChildProcessWithoutNullStreams): AsyncGenerator<Reply> {
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) yield JSON.parse(line) as Reply; // peers/serve.ts and peers/python/common.py write nothing else
  }
}

const exit = (child: ChildProcessWithoutNullStreams): Promise<string> =>
  new Promise(resolve => {
    const say = (code: number | null, signal: string | null): void => resolve(signal === null ? `exit code ${code}` : signal);
    if (child.exitCode !== null || child.signalCode !== null) say(child.exitCode, child.signalCode);
    else if (child.pid === undefined) resolve("did not start");
    else child.on("close", say);
  });

/** The line of the error output that tells most: the last that names an error, else the last. */
const reasonOf = (complaints: readonly string[], end: string): string => {
  const line =
    complaints.findLast(text => /^\w*(Error|Exception)\b/.test(text)) ??
    complaints.findLast(text => /error/i.test(text)) ??
    complaints.at(-1);
  return line === undefined ? end : `${line} (${end})`;
};
