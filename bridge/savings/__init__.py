"""What the batteries and the plan saved, day by day."""
