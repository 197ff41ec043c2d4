/** Exit status of every error that we report ourselves (docs/contract/pod.md#1.2). */
export const exitStatusError = 64;
