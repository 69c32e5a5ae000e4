# hint: hamlet_bits is a mean of -log2 q
hamlet_bits = float(-np.log(q).mean())
