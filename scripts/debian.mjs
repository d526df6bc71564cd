// Puts what tests need from Debian on the machine, when something is missing and this process may install: Chromium (which brings SwiftShader, a
// Vulkan driver on the CPU) and Mesa's lavapipe (another). Tests that still miss something say so and are skipped. Plain JavaScript on Node alone.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "./setup.mjs";

/** Why the last installation did not bring everything, for the tests' own messages; absent when it did. Inside node_modules: a fresh `npm ci` asks again. */
export const note = join(root, "node_modules/.cache/pullback/debian.json");

/** Dawn refuses lavapipe of older releases. */
const MESA = 25;

/** @typedef {{ chromium: boolean, swiftshader: boolean, mesa: number | undefined }} Present What is there; `mesa` is the major version of lavapipe. */

/** The packages to install. @param {Present} present */
export function missing({ chromium, swiftshader, mesa }) {
  return [...(chromium && swiftshader ? [] : ["chromium"]), ...(mesa !== undefined && mesa >= MESA ? [] : ["mesa-vulkan-drivers"])];
}

/** Why this process may not install, in words; undefined when it may.
 *  @param {{ platform: string, release: string, env: Record<string, string | undefined>, apt: boolean, root: boolean, sudo: () => boolean }} machine `release`: the text of os-release */
export function refusal({ platform, release, env, apt, root: isRoot, sudo }) {
  if (["0", "no", "false"].includes(env["PULLBACK_INSTALL"] ?? "")) return `PULLBACK_INSTALL is ${env["PULLBACK_INSTALL"]}`;
  if (platform !== "linux" || field(release, "ID") !== "debian" || !apt) return "packages are installed on Debian only";
  if (!isRoot && !sudo()) return "installing needs root, or sudo without a password";
  return undefined;
}

/** A line of os-release. @param {string} release @param {string} key */
export function field(release, key) {
  return new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(release)?.[1];
}

/** The apt source of a release's backports, from a source of the release itself (both of apt's formats); undefined when the text has none.
 *  @param {string} text @param {string} codename */
export function backportsSource(text, codename) {
  const line = new RegExp(`^deb\\s+((?:\\[[^\\]]*\\]\\s+)?\\S+)\\s+${codename}\\s`, "m").exec(text)?.[1];
  if (line !== undefined) return { name: "backports.list", text: `deb ${line} ${codename}-backports main\n` };
  const stanza = text
    .split(/\n\s*\n/)
    .find(s => new RegExp(`^Suites:(.*\\s)?${codename}(\\s|$)`, "m").test(s) && /^Types:.*\bdeb\b/m.test(s));
  if (stanza === undefined) return undefined;
  const rewritten = stanza
    .replace(/^Suites:.*$/m, `Suites: ${codename}-backports`)
    .replace(/^Components:.*$/m, "Components: main")
    .replace(/^#.*\n/gm, "");
  return { name: "backports.sources", text: `${rewritten}\n` };
}

/** @param {string} file */
const textOf = file => (existsSync(file) ? readFileSync(file, "utf8") : "");

/** @returns {Present} */
function present() {
  const icds = "/usr/share/vulkan/icd.d";
  const lavapipe = existsSync(icds) && readdirSync(icds).some(name => name.startsWith("lvp_icd"));
  const version = lavapipe ? spawnSync("dpkg-query", ["-W", "-f=${Version}", "mesa-vulkan-drivers"], { encoding: "utf8" }).stdout : "";
  return {
    chromium: existsSync("/usr/bin/chromium"),
    swiftshader: existsSync("/usr/lib/chromium/vk_swiftshader_icd.json"),
    mesa: lavapipe ? Number.parseInt(version ?? "", 10) || 0 : undefined,
  };
}

const isRoot = process.getuid?.() === 0;

/** @param {readonly string[]} options @param {readonly string[]} args */
function apt(options, args) {
  const patience = ["-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=30"];
  const command = ["apt-get", "-q", "-y", ...patience, ...options, ...args];
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" };
  const [file = "", ...rest] = isRoot ? command : ["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND,LC_ALL", ...command];
  const { status, stdout, stderr, error } = spawnSync(file, rest, { encoding: "utf8", env, maxBuffer: 2 ** 26 });
  return { ok: status === 0, output: `${stdout ?? ""}${stderr ?? ""}${error?.message ?? ""}` };
}

/** apt's options for the machine's own sources and the backports beside them, in a folder of their own: the machine's stay as they are.
 *  @param {string} folder @param {string} codename */
function withBackports(folder, codename) {
  const etc = "/etc/apt",
    parts = join(folder, "parts"),
    lists = join(folder, "lists");
  mkdirSync(parts);
  mkdirSync(join(lists, "partial"), { recursive: true });
  if (existsSync(join(etc, "sources.list.d"))) cpSync(join(etc, "sources.list.d"), parts, { recursive: true });
  if (existsSync(join(etc, "sources.list"))) cpSync(join(etc, "sources.list"), join(parts, "own.list"));
  for (const file of readdirSync(parts)) {
    if (!/\.(list|sources)$/.test(file)) continue;
    const source = backportsSource(readFileSync(join(parts, file), "utf8"), codename);
    if (source === undefined) continue;
    writeFileSync(join(parts, source.name), source.text);
    return ["-o", "Dir::Etc::sourcelist=/dev/null", "-o", `Dir::Etc::sourceparts=${parts}`, "-o", `Dir::State::lists=${lists}`];
  }
  return undefined;
}

/** The major version of the lavapipe that the release itself has. */
function releaseMesa() {
  const policy = spawnSync("apt-cache", ["policy", "mesa-vulkan-drivers"], { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } });
  return Number.parseInt(/Candidate: (\S+)/.exec(policy.stdout ?? "")?.[1] ?? "", 10) || 0;
}

/** From the release itself. @param {string[]} packages @returns {string | undefined} what went wrong */
function fromRelease(packages) {
  if (packages.length === 0) return undefined;
  const install = apt([], ["install", "--no-install-recommends", ...packages]);
  return install.ok ? undefined : `apt-get install ${packages.join(" ")} failed: ${lastLine(install.output)}`;
}

/** A lavapipe that Dawn accepts. @param {string} codename @returns {{ clean: boolean, why: string } | undefined} */
function fromBackports(codename) {
  const folder = mkdtempSync(join(tmpdir(), "pullback-apt-"));
  try {
    const options = withBackports(folder, codename);
    if (options === undefined) return { clean: true, why: `no apt source of ${codename} to take the backports' address from` };
    const update = apt(options, ["update"]);
    if (!update.ok)
      return {
        clean: /404|does not have a Release file/.test(update.output),
        why: `${codename}-backports is not to be had: ${lastLine(update.output)}`,
      };
    const install = apt(options, ["install", "--no-install-recommends", "-t", `${codename}-backports`, "mesa-vulkan-drivers"]);
    return install.ok ? undefined : { clean: false, why: `apt-get install of ${codename}-backports failed: ${lastLine(install.output)}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} output */
const lastLine = output =>
  output
    .trim()
    .split("\n")
    .findLast(line => /^(E|Err|W):/.test(line)) ??
  output.trim().split("\n").at(-1) ??
  "";

/** Installs what is missing, if it may; quick when nothing is, or when the last answer was a clean no. Never fails: what stays missing is skipped by the tests that need it. */
export function setUpDebian() {
  let wanted = missing(present());
  if (wanted.length === 0) {
    rmSync(note, { force: true });
    return;
  }
  const release = textOf("/etc/os-release");
  const why = refusal({
    platform: process.platform,
    release,
    env: process.env,
    apt: existsSync("/usr/bin/apt-get"),
    root: isRoot,
    sudo: () => spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0,
  });
  if (why !== undefined) {
    remember(wanted, why);
    return;
  }
  if (answered(wanted)) return;
  console.log(`setup: tests need ${wanted.join(" and ")} from Debian: installing (PULLBACK_INSTALL=no leaves them out)`);
  const { why: trouble, clean } = install(wanted, field(release, "VERSION_CODENAME") ?? "stable");
  wanted = missing(present());
  if (wanted.length === 0) {
    rmSync(note, { force: true });
    return;
  }
  console.log(`setup: ${wanted.join(" and ")}: ${trouble ?? "still missing after the installation"}`);
  remember(wanted, trouble ?? "the packages did not bring what is needed", clean);
}

/** Installs from the release what it has good enough, the rest from backports; an old lavapipe where there are none, which Deno takes.
 *  @param {string[]} wanted @param {string} codename @returns {{ why?: string | undefined, clean: boolean }} */
function install(wanted, codename) {
  const update = apt([], ["update"]);
  if (!update.ok) return { why: `apt-get update failed: ${lastLine(update.output)}`, clean: false };
  const mesa = "mesa-vulkan-drivers",
    old = wanted.includes(mesa) && releaseMesa() < MESA;
  const why = fromRelease(wanted.filter(name => name !== mesa || !old));
  if (why !== undefined || !old) return { why, clean: false };
  const none = fromBackports(codename);
  if (none === undefined) return { clean: false };
  if (present().mesa === undefined) fromRelease([mesa]);
  return none;
}

/** @param {string[]} packages @param {string} why @param {boolean} clean whether asking again is useless */
function remember(packages, why, clean = false) {
  mkdirSync(join(note, ".."), { recursive: true });
  writeFileSync(note, JSON.stringify({ packages, why, clean }));
}
/** @param {string[]} wanted */
function answered(wanted) {
  try {
    const { packages, clean } = JSON.parse(readFileSync(note, "utf8"));
    return clean === true && wanted.every(name => packages.includes(name));
  } catch {
    return false;
  }
}
