"""What comes from outside the home, with time in it: prices, weather, how clean the grid's energy is."""
