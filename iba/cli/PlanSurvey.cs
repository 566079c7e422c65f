using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Networks;
using Iba.Engine.Tensors;
using Iba.Engine.Training;

namespace Iba.Cli;

/// <summary>
/// Runs a network of torchvision's size, with random parameters, forward and back to the pixels once, and tells for every layer how it is
/// computed and why. What is settled here is kept on disk for the runs to come.
/// </summary>
internal static class PlanSurvey
{
    private const int Size = 224;
    private const int Classes = 1000;
    private const int Hidden = 4096;

    /// <summary>Small enough to leave activations in range, and it makes weights that begin at 0 say something.</summary>
    private const float Unrest = 0.01f;

    /// <param name="backend">The GPU.</param>
    /// <param name="model">The architecture's name.</param>
    /// <param name="batch">Rows of the batch: images times copies, in the bottleneck's loop.</param>
    /// <param name="divisor">torchvision's channels are divided by this.</param>
    public static IReadOnlyList<PlanLine> Run(CudaBackend backend, string model, int batch, int divisor = 1)
    {
        Network network = Architecture.Named(model).Build(backend, new FreshParameters(backend, new NetworkWidth(divisor, Hidden / divisor, Classes), seed: 0));
        var names = new Dictionary<IStorage, string>();
        foreach (Parameter parameter in network.Parameters)
        {
            Disturb(backend, parameter.Data);
            names[parameter.Data.Storage] = parameter.Name;
        }

        var lines = new List<PlanLine>();
        using var tape = new Tape(backend);
        Tensor images = backend.Allocate(new Shape(batch, Size, Size, 3));
        Disturb(backend, images);
        Value logits = network.Record(tape.Variable(images, "images"));
        tape.Plan(logits);
        backend.Watch = (weights, choice) => lines.Add(Line(names.GetValueOrDefault(weights.Storage, "?"), choice));
        tape.Forward();
        tape.Backward(logits);
        backend.Synchronize();
        backend.Watch = null;
        return lines;
    }

    private static PlanLine Line(string weights, PlanChoice choice) => new(
        weights.EndsWith(".weight", StringComparison.Ordinal) ? weights[..^".weight".Length] : weights,
        choice.Unit, $"{choice.Route}", choice.Engine, choice.Milliseconds, choice.WorkspaceBytes, choice.Reason, choice.Check, choice.Rejected);

    private static void Disturb(CudaBackend backend, Tensor numbers)
    {
        using var words = new TensorScope(backend);
        Tensor zero = words.Allocate(new Shape(1));
        Tensor flat = numbers.View(0, new Shape(1, 1, 1, numbers.Shape.Count));
        backend.AddNoise(flat, new Noise(1, zero, zero), Unrest, flat);
    }
}
