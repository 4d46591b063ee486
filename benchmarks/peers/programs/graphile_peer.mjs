// graphile-worker: `prepare`, `fill ROWS DUE`, `work single`, `work batch`.
import { makeWorkerUtils, run } from "graphile-worker";
import { Logger } from "graphile-worker";
import { note } from "./calls.mjs";

const connectionString = process.env.PEER_DATABASE_URL;
const logger = new Logger(() => () => {});
const [verb, ...given] = process.argv.slice(2);

if (verb === "work") {
  const batch = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
  const worker = {
    connectionString, concurrentJobs: 24, maxPoolSize: 25, pollInterval: 100,
    ...(given[0] === "batch" ? batch : {}),
  };
  const runner = await run({ preset: { worker: { ...worker, logger } }, taskList: { noop: async () => note() } });
  await runner.promise;
} else {
  const utils = await makeWorkerUtils({ connectionString, logger });
  await utils.migrate();
  if (verb === "fill") {
    const [rows, due] = given.map(Number);
    const runAt = new Date(due * 1000);
    for (let start = 0; start < rows; start += 5000) {
      const size = Math.min(5000, rows - start);
      await utils.addJobs(Array.from({ length: size }, () => ({ identifier: "noop", payload: {}, runAt })));
    }
  }
  await utils.release();
}
