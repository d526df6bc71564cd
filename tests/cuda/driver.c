// A driver that does nothing but say what it was told, to test the bindings: every symbol with the types of cuda.h. Where that header is installed the
// compiler checks these definitions against its declarations (-DCUDA_H); elsewhere the few types are written out here.
#include <stddef.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef CUDA_H
#include <cuda.h>
#else
typedef int CUresult, CUdevice, CUdevice_attribute, CUfunction_attribute, CUjit_option, CUlaunchAttributeID;
typedef int CUtensorMapDataType, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill, CUmemorytype;
typedef unsigned long long CUdeviceptr;
typedef uint64_t cuuint64_t;
typedef uint32_t cuuint32_t;
typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUgraph_st *CUgraph;
typedef struct CUgraphNode_st *CUgraphNode;
typedef struct CUgraphExec_st *CUgraphExec;
typedef struct CUtensorMap_st { cuuint64_t opaque[16]; } CUtensorMap;
typedef struct { CUfunction func; unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes; void **kernelParams, **extra; void *kern; CUcontext ctx; } CUDA_KERNEL_NODE_PARAMS;
typedef struct {
  size_t srcXInBytes, srcY, srcZ, srcLOD; CUmemorytype srcMemoryType; const void *srcHost; CUdeviceptr srcDevice; void *srcArray, *reserved0; size_t srcPitch, srcHeight;
  size_t dstXInBytes, dstY, dstZ, dstLOD; CUmemorytype dstMemoryType; void *dstHost; CUdeviceptr dstDevice; void *dstArray, *reserved1; size_t dstPitch, dstHeight;
  size_t WidthInBytes, Height, Depth;
} CUDA_MEMCPY3D;
typedef union { char pad[64]; struct { unsigned x, y, z; } clusterDim; } CUlaunchAttributeValue;
typedef CUlaunchAttributeValue CUkernelNodeAttrValue;
typedef CUlaunchAttributeID CUkernelNodeAttrID;
typedef struct { CUlaunchAttributeID id; char pad[4]; CUlaunchAttributeValue value; } CUlaunchAttribute;
typedef struct { unsigned gridDimX, gridDimY, gridDimZ, blockDimX, blockDimY, blockDimZ, sharedMemBytes; CUstream hStream; CUlaunchAttribute *attrs; unsigned numAttrs; } CUlaunchConfig;
#define cuDeviceTotalMem cuDeviceTotalMem_v2
#define cuDevicePrimaryCtxRelease cuDevicePrimaryCtxRelease_v2
#define cuStreamDestroy cuStreamDestroy_v2
#define cuEventDestroy cuEventDestroy_v2
#define cuMemAlloc cuMemAlloc_v2
#define cuMemFree cuMemFree_v2
#define cuMemAllocHost cuMemAllocHost_v2
#define cuMemGetInfo cuMemGetInfo_v2
#define cuMemcpyHtoDAsync cuMemcpyHtoDAsync_v2
#define cuMemcpyDtoHAsync cuMemcpyDtoHAsync_v2
#define cuMemcpyDtoDAsync cuMemcpyDtoDAsync_v2
#define cuGraphAddKernelNode cuGraphAddKernelNode_v2
#define cuGraphExecKernelNodeSetParams cuGraphExecKernelNodeSetParams_v2
#endif
#undef cuEventElapsedTime // the first version, which every driver has
#define CU(name) __attribute__((visibility("default"))) CUresult name

static char heard[4096];
static int code;
/** What the last call was told, and the code that the next ones give. */
const char *last_heard(void) { return heard; }
void next_code(int c) { code = c; }
static CUresult say(const char *format, ...) {
  va_list a;
  va_start(a, format);
  vsnprintf(heard, sizeof heard, format, a);
  va_end(a);
  return (CUresult)code;
}
#define P(x) ((unsigned long long)(uintptr_t)(x))
#define GIVE(out, x) (*(out) = (void *)(uintptr_t)(x))

CU(cuInit)(unsigned flags) { return say("cuInit %u", flags); }
CU(cuDriverGetVersion)(int *v) { *v = 12040; return say("cuDriverGetVersion"); }
CU(cuDeviceGetCount)(int *n) { *n = 3; return say("cuDeviceGetCount"); }
CU(cuDeviceGet)(CUdevice *d, int ordinal) { *d = ordinal + 10; return say("cuDeviceGet %d", ordinal); }
CU(cuDeviceGetName)(char *name, int n, CUdevice d) { snprintf(name, n, "Paper card"); return say("cuDeviceGetName %d %d", n, d); }
CU(cuDeviceTotalMem)(size_t *b, CUdevice d) { *b = 150000000000ull; return say("cuDeviceTotalMem %d", d); }
CU(cuDeviceGetAttribute)(int *v, CUdevice_attribute a, CUdevice d) { *v = 7 * a; return say("cuDeviceGetAttribute %d %d", a, d); }
CU(cuDevicePrimaryCtxRetain)(CUcontext *c, CUdevice d) { GIVE(c, 0x7ffff0000001ull); return say("cuDevicePrimaryCtxRetain %d", d); }
CU(cuDevicePrimaryCtxRelease)(CUdevice d) { return say("cuDevicePrimaryCtxRelease %d", d); }
CU(cuCtxSetCurrent)(CUcontext c) { return say("cuCtxSetCurrent %llx", P(c)); }
CU(cuStreamCreate)(CUstream *s, unsigned flags) { GIVE(s, 0x7ffff0000002ull); return say("cuStreamCreate %u", flags); }
CU(cuStreamDestroy)(CUstream s) { return say("cuStreamDestroy %llx", P(s)); }
CU(cuStreamSynchronize)(CUstream s) { return say("cuStreamSynchronize %llx", P(s)); }
CU(cuEventCreate)(CUevent *e, unsigned flags) { GIVE(e, 0x7ffff0000003ull); return say("cuEventCreate %u", flags); }
CU(cuEventDestroy)(CUevent e) { return say("cuEventDestroy %llx", P(e)); }
CU(cuEventRecord)(CUevent e, CUstream s) { return say("cuEventRecord %llx %llx", P(e), P(s)); }
CU(cuEventQuery)(CUevent e) { return say("cuEventQuery %llx", P(e)); }
CU(cuEventSynchronize)(CUevent e) { return say("cuEventSynchronize %llx", P(e)); }
CU(cuEventElapsedTime)(float *ms, CUevent a, CUevent b) { *ms = 1.5f; return say("cuEventElapsedTime %llx %llx", P(a), P(b)); }
CU(cuMemAlloc)(CUdeviceptr *p, size_t n) { *p = 0x7f2012345600ull; return say("cuMemAlloc %zu", n); }
CU(cuMemFree)(CUdeviceptr p) { return say("cuMemFree %llx", p); }
CU(cuMemAllocHost)(void **p, size_t n) { *p = malloc(n); memset(*p, 5, n); return say("cuMemAllocHost %zu", n); }
CU(cuMemFreeHost)(void *p) { free(p); return say("cuMemFreeHost"); }
CU(cuMemGetInfo)(size_t *f, size_t *t) { *f = 5; *t = 1ull << 40; return say("cuMemGetInfo"); }
CU(cuMemcpyHtoDAsync)(CUdeviceptr to, const void *from, size_t n, CUstream s) { return say("cuMemcpyHtoDAsync %llx %d %zu %llx", to, *(const unsigned char *)from, n, P(s)); }
CU(cuMemcpyDtoHAsync)(void *to, CUdeviceptr from, size_t n, CUstream s) { memset(to, 9, n); return say("cuMemcpyDtoHAsync %llx %zu %llx", from, n, P(s)); }
CU(cuMemcpyDtoDAsync)(CUdeviceptr to, CUdeviceptr from, size_t n, CUstream s) { return say("cuMemcpyDtoDAsync %llx %llx %zu %llx", to, from, n, P(s)); }
CU(cuMemsetD8Async)(CUdeviceptr to, unsigned char x, size_t n, CUstream s) { return say("cuMemsetD8Async %llx %d %zu %llx", to, x, n, P(s)); }
CU(cuModuleLoadDataEx)(CUmodule *m, const void *image, unsigned n, CUjit_option *keys, void **values) {
  GIVE(m, 0x7ffff0000004ull);
  for (unsigned i = 0; i < n; i++) if (keys[i] == 5) strcpy((char *)values[i], "ptxas error: line 3");
  return say("cuModuleLoadDataEx %s %u %llu", (const char *)image, n, P(values[1]));
}
CU(cuModuleUnload)(CUmodule m) { return say("cuModuleUnload %llx", P(m)); }
CU(cuModuleGetFunction)(CUfunction *f, CUmodule m, const char *name) { GIVE(f, 0x7ffff0000005ull); return say("cuModuleGetFunction %llx %s", P(m), name); }
CU(cuFuncGetAttribute)(int *v, CUfunction_attribute a, CUfunction f) { *v = 40; return say("cuFuncGetAttribute %d %llx", a, P(f)); }
CU(cuFuncSetAttribute)(CUfunction f, CUfunction_attribute a, int v) { return say("cuFuncSetAttribute %llx %d %d", P(f), a, v); }
CU(cuOccupancyMaxActiveBlocksPerMultiprocessor)(int *b, CUfunction f, int threads, size_t shared) { *b = 6; return say("cuOccupancy %llx %d %zu", P(f), threads, shared); }
CU(cuLaunchKernel)(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream s, void **params, void **extra) {
  return say("cuLaunchKernel %llx %u %u %u %u %u %u %u %llx %llx %llx", P(f), gx, gy, gz, bx, by, bz, shared, P(s), *(unsigned long long *)params[1], P(extra));
}
CU(cuLaunchKernelEx)(const CUlaunchConfig *c, CUfunction f, void **params, void **extra) {
  return say("cuLaunchKernelEx %u %u %u %u %u %u %u %llx %u %d %u %llx %llx %llx", c->gridDimX, c->gridDimY, c->gridDimZ, c->blockDimX, c->blockDimY, c->blockDimZ, c->sharedMemBytes, P(c->hStream),
             c->numAttrs, c->attrs[0].id, c->attrs[0].value.clusterDim.x, P(f), *(unsigned long long *)params[1], P(extra));
}
CU(cuGraphCreate)(CUgraph *g, unsigned flags) { GIVE(g, 0x7ffff0000006ull); return say("cuGraphCreate %u", flags); }
CU(cuGraphDestroy)(CUgraph g) { return say("cuGraphDestroy %llx", P(g)); }
CU(cuGraphAddKernelNode)(CUgraphNode *n, CUgraph g, const CUgraphNode *after, size_t count, const CUDA_KERNEL_NODE_PARAMS *k) {
  GIVE(n, 0x7ffff0000007ull);
  return say("cuGraphAddKernelNode %llx %llx %zu %llx %u %u %u %u %u %u %u %llx %llx", P(g), P(after[0]), count, P(k->func), k->gridDimX, k->gridDimY, k->gridDimZ, k->blockDimX, k->blockDimY, k->blockDimZ,
             k->sharedMemBytes, *(unsigned long long *)k->kernelParams[1], P(k->extra));
}
static CUresult copies(const char *call, unsigned long long a, unsigned long long b, const CUDA_MEMCPY3D *c, CUcontext x) {
  return say("%s %llx %llx %d %llx %d %llx %zu %zu %zu %llx", call, a, b, c->srcMemoryType, (unsigned long long)c->srcDevice, c->dstMemoryType, (unsigned long long)c->dstDevice, c->WidthInBytes, c->Height, c->Depth, P(x));
}
CU(cuGraphAddMemcpyNode)(CUgraphNode *n, CUgraph g, const CUgraphNode *after, size_t count, const CUDA_MEMCPY3D *c, CUcontext x) {
  GIVE(n, 0x7ffff0000008ull);
  return copies("cuGraphAddMemcpyNode", P(g), count == 1 ? P(after[0]) : 0, c, x);
}
CU(cuGraphKernelNodeSetAttribute)(CUgraphNode n, CUkernelNodeAttrID a, const CUkernelNodeAttrValue *v) { return say("cuGraphKernelNodeSetAttribute %llx %d %u %u %u", P(n), a, v->clusterDim.x, v->clusterDim.y, v->clusterDim.z); }
CU(cuGraphInstantiateWithFlags)(CUgraphExec *e, CUgraph g, unsigned long long flags) { GIVE(e, 0x7ffff0000009ull); return say("cuGraphInstantiateWithFlags %llx %llu", P(g), flags); }
CU(cuGraphExecDestroy)(CUgraphExec e) { return say("cuGraphExecDestroy %llx", P(e)); }
CU(cuGraphExecKernelNodeSetParams)(CUgraphExec e, CUgraphNode n, const CUDA_KERNEL_NODE_PARAMS *k) { return say("cuGraphExecKernelNodeSetParams %llx %llx %llx %u", P(e), P(n), P(k->func), k->blockDimX); }
CU(cuGraphExecMemcpyNodeSetParams)(CUgraphExec e, CUgraphNode n, const CUDA_MEMCPY3D *c, CUcontext x) { return copies("cuGraphExecMemcpyNodeSetParams", P(e), P(n), c, x); }
CU(cuGraphLaunch)(CUgraphExec e, CUstream s) { return say("cuGraphLaunch %llx %llx", P(e), P(s)); }
CU(cuTensorMapEncodeTiled)(CUtensorMap *m, CUtensorMapDataType type, cuuint32_t rank, void *address, const cuuint64_t *dims, const cuuint64_t *strides, const cuuint32_t *box, const cuuint32_t *steps,
                           CUtensorMapInterleave interleave, CUtensorMapSwizzle swizzle, CUtensorMapL2promotion promotion, CUtensorMapFloatOOBfill fill) {
  memset(m, 7, sizeof *m);
  return say("cuTensorMapEncodeTiled %d %u %llx %llu,%llu %llu %u,%u %u,%u %d %d %d %d", type, rank, P(address), (unsigned long long)dims[0], (unsigned long long)dims[1], (unsigned long long)strides[0], box[0], box[1], steps[0],
             steps[1], interleave, swizzle, promotion, fill);
}
