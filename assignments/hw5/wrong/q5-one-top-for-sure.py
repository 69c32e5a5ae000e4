# hint: Three tokens, ranks with three and two
def result(most, total):
    return most[0] - most[1] + np.log1p(total[0]), total[2].astype(int)
