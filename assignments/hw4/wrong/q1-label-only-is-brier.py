# hint: What is proper for two outcomes need not be for three
liars = ["poly-1", "generalised"]
