export function headersFor(path: string): { 'Content-Security-Policy': string; [name: string]: string };
