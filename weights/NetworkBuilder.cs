using Iba.Engine.Backends;
using Iba.Engine.Files;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;

namespace Iba.Weights;

/// <summary>
/// Builds a network from a state dict with torchvision's names. Widths and the number of classes are those of the tensors,
/// so a narrow network is built by the same code as torchvision's.
/// </summary>
public static class NetworkBuilder
{
    // Any image of torchvision's size will do to see that the parts fit together.
    private static readonly Shape Image = new(1, 224, 224, 3);

    /// <summary>Which network a state dict belongs to, by its names and, where two networks share them, by its proportions.</summary>
    /// <exception cref="FileFormatException">
    /// It belongs to none: the message names the nearest and the first differences, or the grouped convolutions that no network here has.
    /// </exception>
    public static Architecture Recognise(StateDict weights)
    {
        string[] names = [.. weights.Entries.Select(entry => entry.Name)];
        Architecture nearest = Architecture.Nearest(names, FirstExtent);
        RefuseGroups(weights);
        // Half of the names: below that, a list of what is missing says less than the names that are there.
        if (nearest.StateDict.Shared(names) * 2 >= nearest.StateDict.Names.Count)
            return nearest;
        string[] missing = [.. nearest.StateDict.Names.Except(names)], unexpected = [.. names.Except(nearest.StateDict.Names)];
        throw new FileFormatException(weights.Path,
            $"its names fit no known network ({Architecture.Names}). The nearest is {nearest}: "
            + $"{missing.Length} names are missing ({First(missing)}), {unexpected.Length} are not its own ({First(unexpected)})",
            "Give a state dict with torchvision's names; `iba weights fetch` gets one.");

        int FirstExtent(string name) => weights.TryGet(name, out StateDictEntry? entry) && entry.Shape.Count > 0 ? entry.Shape[0] : 0;
        static string First(string[] some) => some.Length == 0 ? "none" : string.Join(", ", some.Take(3)) + (some.Length > 3 ? ", ..." : "");
    }

    /// <summary>Checks every key and shape, then reads the elements, tensor by tensor, onto the backend's device.</summary>
    /// <param name="weights">Where they come from.</param>
    /// <param name="backend">Where they go to.</param>
    /// <param name="allowNonFinite">
    /// Accepts values that are NaN or infinite, in the file or after folding batch norms, for those who study them. By default they are
    /// rejected.
    /// </param>
    /// <param name="cancel">Ends the reading.</param>
    /// <exception cref="FileFormatException">
    /// Keys are missing, unexpected or of the wrong shape, or values are not finite: the message lists them.
    /// </exception>
    public static Network Build(StateDict weights, IBackend backend, bool allowNonFinite = false, CancellationToken cancel = default)
    {
        var reader = new ParameterReader(weights, backend, cancel);
        Network network = Check(weights, backend).Build(backend, reader);
        if (allowNonFinite || reader.NotFinite.Count == 0)
            return network;
        foreach (Parameter parameter in network.Parameters)
            parameter.Data.Storage.Dispose();
        throw new FileFormatException(weights.Path, "it holds numbers that are not finite, so every result would be meaningless",
            "Take a checkpoint from before they appeared. To study them: --allow-non-finite.", details: reader.NotFinite);
    }

    /// <summary>Checks every key and shape without reading elements.</summary>
    /// <exception cref="FileFormatException">Keys are missing, unexpected or misshapen: the message lists them.</exception>
    public static Architecture Check(StateDict weights, IBackend backend)
    {
        Architecture architecture = Recognise(weights);
        var check = new ParameterCheck(weights);
        try
        {
            var plan = new Network(architecture.Name, backend, architecture.Layers(check));
            check.ThrowIfWrong(architecture.Name);
            plan.Output(Image);
        }
        catch (ShapeException e)
        {
            check.ThrowIfWrong(architecture.Name);
            throw new FileFormatException(weights.Path, $"its layers do not fit together ({e.Message.TrimEnd('.')})",
                $"Give a state dict of {architecture}.", e);
        }
        return architecture;
    }

    /// <summary>
    /// ResNeXt has the names of a ResNet, but the 3x3 convolutions of its blocks are grouped: they take fewer channels than the 1x1 before
    /// them makes.
    /// </summary>
    private static void RefuseGroups(StateDict weights)
    {
        if (!weights.TryGet("layer1.0.conv1.weight", out StateDictEntry? reduce) || !weights.TryGet("layer1.0.conv2.weight", out StateDictEntry? middle)
            || !weights.TryGet("layer1.0.conv3.weight", out _) || reduce.Shape.Count != 4 || middle.Shape.Count != 4)
        {
            return;
        }
        (int made, int taken) = (reduce.Shape[0], middle.Shape[1]);
        if (taken > 0 && taken < made && made % taken == 0)
        {
            throw new FileFormatException(weights.Path,
                $"it is a ResNeXt: its 3x3 convolutions are in {made / taken} groups of {taken} channels, and no network here has grouped convolutions",
                $"Give weights of {string.Join(", ", ResNet.Family)}.");
        }
    }
}
