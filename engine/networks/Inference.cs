using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Engine.Networks;

/// <summary>Runs a network, or a part of one, without gradients, repeatedly for one input shape. What goes in and comes out is float32.</summary>
public sealed class Inference : IDisposable
{
    private readonly Tape _tape;

    /// <param name="network">The network.</param>
    /// <param name="input">(N, H, W, C) the shape of every input.</param>
    /// <param name="keep">Names of layers whose outputs are needed besides the last one's.</param>
    /// <exception cref="ShapeException">The network cannot take that input shape.</exception>
    public Inference(Network network, Shape input, params string[] keep)
    {
        ArgumentNullException.ThrowIfNull(network);
        Input = network.Backend.Allocate(input);
        _tape = new Tape(network.Backend);
        string[] names = [.. keep.Select(network.Resolve)];
        Value output = network.Record(_tape.Constant(Input, "input"), rounds: true, visible: names).Widened();
        Value[] kept = [output, .. names.Select(name => _tape[name].Widened())];
        _tape.Plan(null, kept);
        Output = output.Data;
    }

    /// <summary>The input; write it before a run.</summary>
    public Tensor Input { get; }

    /// <summary>The last layer's output after a run.</summary>
    public Tensor Output { get; }

    /// <summary>Elements of memory allocated besides the input and the parameters.</summary>
    public long ArenaCount => _tape.ArenaCount;

    /// <summary>The output of a kept layer after a run, by its full name.</summary>
    public Tensor this[string layer] => _tape[layer].Data;

    /// <summary>Runs every layer.</summary>
    public void Run() => _tape.Forward();

    /// <summary>Runs a batch given on the host and returns the output on the host.</summary>
    /// <param name="images">N x H x W x C elements.</param>
    public float[] Run(ReadOnlySpan<float> images)
    {
        using Backend.Call run = _tape.Backend.Enter("Inference.Run");
        _tape.Backend.Upload(images, Input);
        Run();
        return _tape.Backend.Read(Output);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape.Dispose();
        Input.Storage.Dispose();
    }
}
