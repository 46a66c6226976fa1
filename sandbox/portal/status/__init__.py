"""The page at `/`: what the simulator's portals do right now, in English and Russian."""
