// Preloaded by tests: an installation without libdeflate and ISA-L, where the addon is not there to be loaded.
const { dlopen } = process;
process.dlopen = (module, file, ...flags) => {
  if (String(file).endsWith("/deflate.node")) throw new Error(`${file}: cannot open shared object file`);
  return dlopen.call(process, module, file, ...flags);
};
