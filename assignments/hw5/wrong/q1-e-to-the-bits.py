# hint: How many choices is that, and with which base
def token_perplexity(bits, text, tokens):
    return np.exp(bits * len(text.encode()) / tokens)
