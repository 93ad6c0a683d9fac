"""What makes a harvested answer worth less, or tells later who was taught by it: one file each."""
