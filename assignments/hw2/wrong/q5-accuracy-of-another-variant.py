# hint: not that of your variant's images
order = np.random.default_rng(2).permutation(len(digits))
mine, other = order[:400], order[400:800]
W = train(images[mine] / 16, digits[mine], weights, 0.1, 200, 0.5)[0]
accuracy = float(((images[other] @ W).argmax(axis=1) == digits[other]).mean())
