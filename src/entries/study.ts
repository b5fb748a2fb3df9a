export { studyDefaults } from '../study/defaults.ts';
export {
  type StudyEvent,
  type StudyOptions,
  type StudyResult,
  study,
} from '../study/recipe.ts';
