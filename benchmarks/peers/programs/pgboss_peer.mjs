// pg-boss: `prepare`, `fill ROWS DUE`, `work`.
import PgBoss from "pg-boss";

const BATCH = 1000;
const boss = new PgBoss({ connectionString: process.env.PEER_DATABASE_URL, schedule: false });
boss.on("error", (error) => console.error(error));
const [verb, ...given] = process.argv.slice(2);
await boss.start();

if (verb === "work") {
  let worker;
  const full = (jobs) => jobs.length === BATCH && boss.notifyWorker(worker); // more may be there: do not wait
  worker = await boss.work("noop", { batchSize: BATCH, pollingIntervalSeconds: 0.5 }, async (jobs) => void full(jobs));
  process.on("SIGTERM", () => boss.stop({ graceful: false }).then(() => process.exit(0)));
} else {
  await boss.createQueue("noop");
  if (verb === "fill") {
    const [rows, due] = given.map(Number);
    const startAfter = new Date(due * 1000).toISOString();
    for (let start = 0; start < rows; start += 5000) {
      const size = Math.min(5000, rows - start);
      await boss.insert(Array.from({ length: size }, () => ({ name: "noop", startAfter })));
    }
  }
  await boss.stop({ graceful: false });
  process.exit(0);
}
