/** What follows the first phase brings archives and stores with it: it is loaded when it is due. */
export async function loadResume() {
  return (await import("./resume.ts")).resume;
}

export async function loadFinish() {
  return (await import("./finish.ts")).finish;
}
