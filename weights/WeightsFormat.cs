namespace Iba.Weights;

/// <summary>The container format of a weights file.</summary>
public enum WeightsFormat
{
    /// <summary>PyTorch's zip archive, since 1.6.</summary>
    TorchZip,
    /// <summary>PyTorch's stream of pickles and raw storages, before 1.6.</summary>
    TorchStream,
    /// <summary>A safetensors file.</summary>
    Safetensors,
    /// <summary>Several safetensors files, named by an index in JSON.</summary>
    ShardedSafetensors,
}
