// The page of the laboratory: opens a worker for each system when it is first asked for.
import { caller } from './rpc.mjs';

const systems = {};

window.call = (system, name, ...args) => {
  systems[system] ??= system.startsWith('wllama') ? import('./wllama.mjs') : caller(`${system.split(' ')[0]}.mjs`, system);
  if (system.startsWith('wllama')) return systems[system].then((module) => module[name](...args));
  return systems[system](name, ...args);
};
