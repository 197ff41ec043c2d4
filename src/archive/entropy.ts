const samples = 16;
const sampleBytes = 256;

/**
 * Whether data looks like noise (compressed, encrypted, random) from 4 KiB of samples: with n bytes drawn evenly from
 * 256 values, the sum of squared counts is near n + n*n/256; text and machine code are at several times that.
 */
export function looksRandom(data: Uint8Array): boolean {
  if (data.length < samples * sampleBytes) return false;
  const counts = new Uint16Array(256);
  const stride = Math.floor((data.length - sampleBytes) / (samples - 1));
  for (let sample = 0; sample < samples; sample++) {
    const start = sample * stride;
    for (let at = start; at < start + sampleBytes; at++) {
      const value = data[at] ?? 0;
      counts[value] = (counts[value] ?? 0) + 1;
    }
  }
  let squares = 0;
  for (const count of counts) squares += count * count;
  const total = samples * sampleBytes;
  return squares < (total + (total * total) / 256) * 1.08;
}
