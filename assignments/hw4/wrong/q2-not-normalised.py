# hint: the probabilities of a row sum to one
def move(z, old, new):
    with np.errstate(divide="ignore"):
        return log_softmax(z) + np.log(new / old)
