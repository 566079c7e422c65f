using Weights.Pickle;

namespace Weights.Torch;

/// <summary>A state dict found in what a file unpickled to, and what lay around it.</summary>
/// <param name="StateDict">Names and <see cref="PickledTensor"/>s, and perhaps other plain values.</param>
/// <param name="Unwrapped">The wrappers, from the outside in.</param>
internal sealed record Checkpoint(PickleDictionary StateDict, IReadOnlyList<string> Unwrapped)
{
    // As training scripts name it; the first that holds tensors is taken.
    private static readonly string[] Wrappers = ["state_dict", "model_state_dict", "model"];

    /// <exception cref="NotWeightsException">There is no state dict in it.</exception>
    public static Checkpoint Find(object? root)
    {
        var unwrapped = new List<string>();
        object? at = root;
        // Each wrapper is named once at most; a dictionary that holds itself would otherwise be opened for ever.
        while (unwrapped.Count <= Wrappers.Length && at is PickleDictionary dictionary)
        {
            if (dictionary.Values.Any(value => value is PickledTensor))
            {
                if (dictionary.Values.Any(value => value is PickledTensor { IsParameter: true }))
                    unwrapped.Add("Parameter objects");
                return new Checkpoint(dictionary, unwrapped);
            }
            if (Wrappers.FirstOrDefault(name => dictionary.TryGet(name, out PickleDictionary? _)) is not { } wrapper)
                throw new NotWeightsException(
                    $"a PyTorch file whose dictionary holds no tensors, only {Names(dictionary)}",
                    "Save the state dict: torch.save(model.state_dict(), 'weights.pth').");
            unwrapped.Add($"checkpoint[\"{wrapper}\"]");
            at = dictionary[wrapper];
        }
        throw new NotWeightsException(
            $"a PyTorch file that holds a {PickleValue.TypeName(at)}, not a dictionary of tensors",
            "Save the state dict: torch.save(model.state_dict(), 'weights.pth').");
    }

    private static string Names(PickleDictionary dictionary) =>
        dictionary.Count == 0 ? "nothing" : string.Join(", ", dictionary.Keys.Take(10).Select(key => $"'{key}'"));
}
