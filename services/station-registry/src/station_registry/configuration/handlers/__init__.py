"""Values that stations tell, and what operators ask of them and of templates."""
