using Engine.Backends;
using Engine.Files;
using Engine.Networks;
using Engine.Tensors;

namespace Weights;

/// <summary>
/// Builds ResNet-50 or VGG-16 from a state dict with torchvision's names. Widths and the number of classes are those of the tensors,
/// so a narrow network is built by the same code as torchvision's.
/// </summary>
public static class NetworkBuilder
{
    // Any image of torchvision's size will do to see that the parts fit together.
    private static readonly Shape Image = new(1, 224, 224, 3);

    /// <summary>Which network a state dict belongs to, by the names that only one has: <c>resnet50</c> or <c>vgg16</c>.</summary>
    /// <exception cref="FileFormatException">It belongs to neither.</exception>
    public static string Architecture(StateDict weights)
    {
        bool Any(string prefix) => weights.Entries.Any(entry => entry.Name.StartsWith(prefix, StringComparison.Ordinal));
        return Any("layer1.0.") ? ResNet50.Name
            : Any("features.0.") && Any("classifier.") ? Vgg16.Name
            : throw new FileFormatException(weights.Path,
                $"its names belong neither to {ResNet50.Name} nor to {Vgg16.Name}: "
                + $"{string.Join(", ", weights.Entries.Take(5).Select(entry => entry.Name))} ...",
                "Give a state dict with torchvision's names; `iba weights fetch` gets one.");
    }

    /// <summary>Checks every key and shape, then reads the numbers, tensor by tensor, onto the backend's device.</summary>
    /// <exception cref="FileFormatException">Keys are missing, unexpected or misshapen: the message lists all of them.</exception>
    public static Network Build(StateDict weights, IBackend backend) =>
        Build(Check(weights, backend), backend, new ParameterReader(weights, backend));

    /// <summary>Checks every key and shape without reading a number.</summary>
    /// <returns>The architecture.</returns>
    /// <exception cref="FileFormatException">Keys are missing, unexpected or misshapen: the message lists all of them.</exception>
    public static string Check(StateDict weights, IBackend backend)
    {
        string architecture = Architecture(weights);
        var check = new ParameterCheck(weights);
        Network plan = Build(architecture, backend, check);
        check.ThrowIfWrong(architecture);
        try
        {
            plan.Output(Image);
        }
        catch (Exception e) when (e is ShapeException or OverflowException)
        {
            throw new FileFormatException(weights.Path, $"its layers do not fit together ({e.Message.TrimEnd('.')})",
                $"Give a state dict of {architecture}.", e);
        }
        return architecture;
    }

    /// <summary>Builds the network of that name from any source.</summary>
    public static Network Build(string architecture, IBackend backend, IParameterSource source) =>
        architecture == ResNet50.Name ? ResNet50.Build(backend, source) : Vgg16.Build(backend, source);
}
