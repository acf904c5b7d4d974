/**
 * How a process knows that `gatehouse up` started it. It then ends when its standard input does
 * (runtime/shutdown.ts), and says on standard output, in JSON, what it has to say: that it is ready, or why not.
 */
const VARIABLE = 'GATEHOUSE_SUPERVISED';

export function supervisedEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...environment, [VARIABLE]: '1' };
}

export function isSupervised(environment: NodeJS.ProcessEnv): boolean {
  return environment[VARIABLE] === '1';
}
