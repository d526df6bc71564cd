// A program for the test of scripts/start.mjs: prints its arguments, counts interrupts, and ends by itself a while after the first.
let interrupts = 0;
process.on("SIGINT", () => {
  if (++interrupts === 1)
    setTimeout(() => {
      console.log(`interrupts: ${interrupts}`);
      process.exit(130);
    }, 700);
});
console.log(`ready ${JSON.stringify(process.argv.slice(2))}`);
setInterval(() => {}, 1000);
