// How fast and how large, as it is read.

/** @param {number} perSecond */
export function rateText(perSecond) {
  if (perSecond >= 1000) return `${(perSecond / 1000).toFixed(1)}k/s`;
  if (perSecond >= 10) return `${Math.round(perSecond)}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  if (perSecond * 60 >= 1) return `${Math.round(perSecond * 60)}/min`;
  return perSecond > 0 ? `${Math.max(1, Math.round(perSecond * 3600))}/h` : "";
}

/** @param {number} amount of bytes */
export function size(amount) {
  if (amount < 1000) return `${Math.round(amount)} B`;
  let [value, at] = [amount / 1000, 0];
  while (value >= 999.5 && at < 2) [value, at] = [value / 1000, at + 1];
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${["kB", "MB", "GB"][at]}`;
}
