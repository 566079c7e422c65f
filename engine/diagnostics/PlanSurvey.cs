using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;

namespace Iba.Engine.Diagnostics;

/// <summary>How one layer is computed in one direction.</summary>
/// <param name="Layer">The layer's name in torchvision's spelling.</param>
/// <param name="Choice">Which code computes it, and why.</param>
public sealed record LayerPlan(string Layer, PlanChoice Choice);

/// <summary>
/// Runs a network of torchvision's size with random parameters, forward and back to the pixels, once, and lists how every layer is computed and
/// why. The choices are kept on disk for later runs.
/// </summary>
public static class PlanSurvey
{
    private const int Size = 224;
    private const int Classes = 1000;
    private const int Hidden = 4096;

    /// <summary>Standard deviation of the random numbers: it keeps activations in range, and weights that start at 0 differ from 0.</summary>
    private const float Spread = 0.01f;

    /// <summary>The plans in the order in which they run: forward, then backward.</summary>
    /// <param name="backend">The GPU.</param>
    /// <param name="model">The architecture's name.</param>
    /// <param name="batch">Rows of the batch: images times copies, in the bottleneck's loop.</param>
    /// <exception cref="ArgumentException">There is no such architecture.</exception>
    public static IReadOnlyList<LayerPlan> Run(CudaBackend backend, string model, int batch)
    {
        Network network = Architecture.Named(model).Build(backend, new FreshParameters(backend, new NetworkWidth(1, Hidden, Classes), seed: 0));
        var names = new Dictionary<IStorage, string>();
        foreach (Parameter parameter in network.Parameters)
        {
            Randomise(backend, parameter.Data);
            names[parameter.Data.Storage] = parameter.Name;
        }

        var plans = new List<LayerPlan>();
        using var tape = new Tape(backend);
        Tensor images = backend.Allocate(new Shape(batch, Size, Size, 3));
        Randomise(backend, images);
        Value logits = network.Record(tape.Variable(images, "images"), rounds: true);
        tape.Plan(logits);
        backend.Watch = (weights, choice) => plans.Add(new LayerPlan(Layer(names.GetValueOrDefault(weights.Storage, "?")), choice));
        tape.Forward();
        tape.Backward(logits);
        backend.Synchronize();
        backend.Watch = null;
        return plans;
    }

    /// <summary>The layer of a parameter.</summary>
    internal static string Layer(string weights) =>
        weights.EndsWith(".weight", StringComparison.Ordinal) ? weights[..^".weight".Length] : weights;

    private static void Randomise(CudaBackend backend, Tensor numbers)
    {
        using var words = new TensorScope(backend);
        Tensor zero = words.Allocate(new Shape(1));
        Tensor flat = numbers.View(0, new Shape(1, 1, 1, numbers.Shape.Count));
        backend.AddNoise(flat, new Noise(1, zero, zero), Spread, flat);
    }
}
