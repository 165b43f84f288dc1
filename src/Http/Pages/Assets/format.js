// Numbers and times for people, as dscache prints them: sizes count in thousands, as disks and S3 bills do.

const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

export const none = '–';

/** Three digits: 999 B, 1.5 GB, 163 MB. */
export function size(bytes) {
  if (bytes == null || !Number.isFinite(bytes)) return none;
  let unit = 0;
  // 999.5 would print as 1000.
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${bytes.toFixed(unit === 0 || bytes >= 9.95 ? 0 : 1)}\u00a0${units[unit]}`;
}

/** Bytes a second; nothing moving is a dash, so that what moves stands out. */
export function rate(bytes) {
  return bytes >= 0.5 ? `${size(bytes)}/s` : none;
}

const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export function count(number) {
  return number == null ? none : grouped.format(number);
}

export function percent(part, whole) {
  if (!(whole > 0)) return none;
  const share = part / whole;
  // Neither end is claimed before it is reached.
  return `${share >= 1 ? 100 : Math.min(99, Math.floor(share * 100))}\u00a0%`;
}

/** One unit: 42 s, 3 min, 5 h, 12 d. */
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return none;
  seconds = Math.max(0, seconds);
  if (seconds < 60) return `${Math.floor(seconds)}\u00a0s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}\u00a0min`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)}\u00a0h`;
  return `${Math.floor(seconds / 86400)}\u00a0d`;
}

/** in 3 h, 5 min ago, now. */
export function relative(time, now = Date.now()) {
  const at = typeof time === 'number' ? time : Date.parse(time);
  if (!Number.isFinite(at)) return none;
  const seconds = (at - now) / 1000;
  if (Math.abs(seconds) < 1) return 'now';
  return seconds > 0 ? `in ${duration(seconds)}` : `${duration(-seconds)} ago`;
}

/** In UTC, so that hosts and logs agree: 2026-11-21 09:50:02Z. */
export function exact(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? '' : at.toISOString().replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}

const natural = new Intl.Collator('en', { numeric: true });

/** n2 before n10. */
export const compareNames = (a, b) => natural.compare(a, b);
