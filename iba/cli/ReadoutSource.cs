using Iba.Bottleneck;
using Iba.Engine.Files;
using Iba.Methods;

namespace Iba.Cli;

/// <summary>The readout that a run was given.</summary>
internal sealed class ReadoutSource : IDisposable
{

    private ReadoutSource(string sha256, ReadoutNetwork network) => (Sha256, Network) = (sha256, network);

    public ReadoutNetwork Network { get; }

    /// <summary>SHA-256 of the file.</summary>
    public string Sha256 { get; }

    /// <summary>What a map says of the readout that made it.</summary>
    public Dictionary<string, string> Facts => new()
    {
        ["readout_sha256"] = Sha256,
        ["readout_steps"] = $"{Network.Steps}",
    };

    /// <summary>Reads the file and holds it against the network; null where none was given.</summary>
    public static ReadoutSource? Load(LoadedNetwork loaded, string? path)
    {
        if (path is null)
            return null;
        using SafetensorsFile file = SafetensorsFile.Open(path, Interrupt.Token);
        var source = new ReadoutSource(file.Sha256(Interrupt.Token), ReadoutFile.Read(file, loaded.Network.Backend));
        source.Network.MustFit(loaded.Network, loaded.Image, loaded.WeightsSha256);
        if (source.Network.Steps == 0)
            Terminal.Warn($"{path} was not trained yet: nearly everything passes its masks. Train it with: iba readout train");
        return source;
    }

    public ReadoutBottleneck Method(MethodInputs inputs) => new(inputs.Network, Network, inputs.Image, inputs.Batch, inputs.WeightsSha256);

    public void Dispose() => Network.Dispose();
}
