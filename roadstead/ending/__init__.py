"""What removes a stage at its end. It runs in Lambda, alone, with nothing beside AWS's own SDK."""
