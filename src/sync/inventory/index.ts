export {
  type InventoryFacts,
  type InventoryReader,
  type InventorySources,
  readInventory,
} from "./inventory.ts";
