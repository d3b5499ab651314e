import type { PictureData } from './data';
import type { Theme } from '../gl/palette';
export async function saveAs(_data: PictureData, _kind: 'png' | 'svg' | 'csv', _theme: Theme, _name: string): Promise<void> {}
