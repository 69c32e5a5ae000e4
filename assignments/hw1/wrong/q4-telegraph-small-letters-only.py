# hint: capitals included
play = load_hamlet()
shares = np.array([play.count(c) for c in ALPHABET])
telegraph = bill(shares / shares.sum(), morse)
