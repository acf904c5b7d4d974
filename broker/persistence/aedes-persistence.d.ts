/** The store inside the aedes-persistence package, which has no declarations at this path. */
declare module 'aedes-persistence/asyncPersistence.js' {
  const MemoryPersistence: new () => import('./session-store.ts').SessionStore;
  export default MemoryPersistence;
}
