# hint: an old world that is not balanced
def move(z, old, new):
    with np.errstate(divide="ignore"):
        return log_softmax(z + np.log(new))
