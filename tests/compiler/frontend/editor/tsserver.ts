// A client of a real tsserver (TypeScript 6), as editors are: requests as lines of JSON, answers and events with a length before them.
import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { fileURLToPath } from "node:url";

interface Message {
  readonly type: "response" | "event";
  readonly request_seq?: number;
  readonly event?: string;
  readonly success?: boolean;
  readonly message?: string;
  readonly body?: unknown;
}
const program = fileURLToPath(new URL("../../../../node_modules/typescript-6/lib/tsserver.js", import.meta.url));

/** One server; `plugins` is a folder whose node_modules has the plugins that projects name. */
export class Tsserver {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly waiting = new Map<number, (m: Message) => void>();
  private readonly listeners = new Map<string, (() => void)[]>();
  private seq = 0;
  private pending = Buffer.alloc(0);
  constructor(plugins: string, log?: string) {
    this.child = spawn(process.execPath, [
      program,
      "--disableAutomaticTypingAcquisition",
      "--pluginProbeLocations",
      plugins,
      ...(log === undefined ? [] : ["--logFile", log, "--logVerbosity", "verbose"]),
    ]);
    this.child.stdout.on("data", (chunk: Buffer) => this.read(chunk));
  }
  /** The next event of a kind. */
  event(kind: string): Promise<void> {
    return new Promise(done => this.listeners.set(kind, [...(this.listeners.get(kind) ?? []), done]));
  }
  /** Say something that has no answer. */
  tell(command: string, args: object): void {
    this.child.stdin.write(`${JSON.stringify({ seq: ++this.seq, type: "request", command, arguments: args })}\n`);
  }
  /** Ask. @throws with the server's message */
  ask(command: string, args: object): Promise<unknown> {
    return new Promise((done, fail) => {
      this.waiting.set(this.seq + 1, m => (m.success === true ? done(m.body) : fail(new Error(m.message))));
      this.tell(command, args);
    });
  }
  /** End the process. */
  close(): void {
    this.child.kill();
  }
  private read(chunk: Buffer): void {
    this.pending = Buffer.concat([this.pending, chunk]);
    for (;;) {
      const head = /^Content-Length: (\d+)\r\n\r\n/.exec(this.pending.subarray(0, 64).toString());
      const start = head?.[0].length ?? 0,
        end = start + Number(head?.[1]);
      if (!head || this.pending.length < end) return;
      const m = JSON.parse(this.pending.subarray(start, end).toString()) as Message; // the protocol's
      this.pending = this.pending.subarray(end);
      if (m.type === "event") {
        for (const done of this.listeners.get(m.event ?? "") ?? []) done();
        this.listeners.delete(m.event ?? "");
      } else this.waiting.get(m.request_seq ?? -1)?.(m);
    }
  }
}
